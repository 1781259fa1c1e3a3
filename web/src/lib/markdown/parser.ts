import Parser, { type MarkdownIt, type RendererRule } from 'markdown-it';
import { addCoreRules, boundBlocks, languageOf } from './blocks';
import type { RenderEnv } from './context';
import { addInlineRules } from './inline';
import { placePath, safeAddress } from './links';

/** The dialect of messages: CommonMark without HTML, with GitHub's tables, task lists and strikethrough, and with what chats need. */
export function makeParser(): MarkdownIt {
	const md = new Parser({ html: false, breaks: true, typographer: false, maxNesting: 24 });
	md.core.ruler.disable(['linkify', 'replacements', 'smartquotes']);
	md.inline.ruler.disable('html_inline');
	md.block.ruler.disable('html_block');
	md.normalizeLink = safeAddress;
	md.normalizeLinkText = (url) => url;
	md.validateLink = (url) => url !== '';
	boundBlocks(md);
	addInlineRules(md);
	addCoreRules(md);
	Object.assign(md.renderer.rules, rules(md));
	return md;
}

function rules(md: MarkdownIt): Record<string, RendererRule> {
	const escape = md.utils.escapeHtml;
	const labels = (env: unknown) => (env as RenderEnv).labels;
	const code: RendererRule = (tokens, i, _options, env) => {
		const token = tokens[i]!;
		const language = token.type === 'fence' ? languageOf(token.info) : '';
		const named = language === '' ? '' : ` class="language-${escape(language)}"`;
		const label = escape(labels(env).code + (language === '' ? '' : ` (${language})`));
		return `<pre dir="ltr" tabindex="0" role="group" aria-label="${label}"><code${named}>${escape(token.content)}</code></pre>\n`;
	};
	return {
		fence: code,
		code_block: code,
		hardbreak: () => '<br>\n',
		softbreak: () => '<br>\n',
		table_open: (_tokens, _i, _options, env) =>
			`<div class="table-scroll" tabindex="0" role="group" aria-label="${escape(labels(env).table)}"><table>\n`,
		table_close: () => '</table></div>\n',
		checkbox: (tokens, i, _options, env) => {
			const done = tokens[i]!.meta?.['checked'] === true;
			const label = escape(done ? labels(env).done : labels(env).open);
			return `<input type="checkbox" disabled${done ? ' checked' : ''} aria-label="${label}">`;
		},
		spoiler_open: (_tokens, _i, _options, env) =>
			`<span class="spoiler" data-spoiler="hidden" role="button" tabindex="0" aria-label="${escape(labels(env).spoiler)}"><span class="spoiler-text" inert>`,
		spoiler_close: () => '</span></span>',
		mention: (tokens, i) => {
			const { content, meta } = tokens[i]!;
			const { user, typed, everyone, inLink } = meta as { user: { id: string; self?: boolean } | null; typed: string; everyone: string | null; inLink: boolean };
			const shown = `<bdi>${escape(content)}</bdi>`;
			if (inLink) return `<span class="mention">${shown}</span>`;
			if (user === null) return `<span class="mention mention-everyone" data-everyone="${escape(everyone ?? '')}">${shown}</span>`;
			const mine = user.self ? ' mention-self' : '';
			return `<a class="mention${mine}" role="button" tabindex="0" data-user="${escape(user.id)}" title="${escape(typed)}">${shown}</a>`;
		},
		room: (tokens, i) => {
			const { content, meta } = tokens[i]!;
			const { room, inLink } = meta as { room: { id: string }; inLink: boolean };
			const shown = `<bdi>${escape(content)}</bdi>`;
			const path = `/r/${room.id}`;
			if (inLink || !placePath.test(path)) return `<span class="room">${shown}</span>`;
			return `<a class="room" href="${path}" data-room="${room.id}">${shown}</a>`;
		},
		custom_emoji: (tokens, i) => {
			const { content, meta } = tokens[i]!;
			const { name, src } = meta as { name: string; src: string };
			return `<img class="emoji" data-emoji="${escape(name)}" src="${escape(src)}" alt="${escape(content)}" title="${escape(content)}" loading="lazy">`;
		},
		link_host: (tokens, i) => ` <bdi class="link-host">(${escape(tokens[i]!.content)})</bdi>`,
	};
}
