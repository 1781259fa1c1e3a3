import highlighter from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import go from 'highlight.js/lib/languages/go';
import java from 'highlight.js/lib/languages/java';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';

for (const [name, language] of Object.entries({ bash, css, diff, go, java, json, python, rust, sql, typescript, xml, yaml })) {
	highlighter.registerLanguage(name, language);
}
highlighter.registerAliases(['js', 'javascript', 'jsx', 'mjs', 'svelte'], { languageName: 'typescript' });
highlighter.registerAliases(['c', 'cpp', 'c++', 'cs', 'csharp', 'kotlin'], { languageName: 'java' }); // near enough, and small

/** Longer blocks stay without colours: they would hold the page up. */
const longest = 20_000;

/** Colours the blocks of code below an element, by classes alone. */
export function highlight(element: ParentNode): void {
	for (const code of element.querySelectorAll<HTMLElement>('pre > code[class*="language-"]')) {
		const named = [...code.classList].find((c) => c.startsWith('language-'))?.slice('language-'.length).toLowerCase() ?? '';
		const text = code.textContent;
		if (code.classList.contains('hljs') || text.length > longest || !highlighter.getLanguage(named)) continue;
		// The highlighter escapes what it is given and adds spans with classes.
		code.innerHTML = highlighter.highlight(text, { language: named, ignoreIllegals: true }).value;
		code.classList.add('hljs');
	}
}
