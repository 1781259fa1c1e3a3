// The emoji picker puts a <style> and style attributes into its shadow root, which the page's policy refuses. This makes it say the
// same through the CSSOM, which the policy allows. Fails when the picker has changed, so that nobody finds out by looking.
const changes = [
	[
		`const style = document.createElement('style');
    style.textContent = baseStyles + EXTRA_STYLES;
    this.shadowRoot.appendChild(style);`,
		`const style = new CSSStyleSheet();
    style.replaceSync(baseStyles + EXTRA_STYLES);
    this.shadowRoot.adoptedStyleSheets = [style];`,
	],
	[
		`targetNode.setAttribute(attributeName, newValue);`,
		`if (attributeName === 'style') targetNode.style.cssText = newValue;
        else targetNode.setAttribute(attributeName, newValue);`,
	],
];

/** The plugin for Vite. */
export function pickerPolicy() {
	return {
		name: 'picker-policy',
		enforce: 'pre',
		transform(code, id) {
			if (!/emoji-picker-element\/picker\.js$/.test(id.split('?')[0])) return null;
			for (const [from, to] of changes) {
				if (code.split(from).length !== 2) this.error('The emoji picker is not the one that scripts/picker-policy.mjs knows.');
				code = code.replace(from, to);
			}
			return { code, map: null };
		},
	};
}
