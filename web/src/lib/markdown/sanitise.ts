import createPurifier from 'dompurify';
import { placePath } from './links';

/** Every element that a message may become. */
export const allowedElements = (
	'p br hr em strong del code pre blockquote ul ol li table thead tbody tr th td input a span bdi img div mark'
).split(' ');

/** Every attribute that an element of a message may have. id, name, style and on… are not among them. */
export const allowedAttributes = (
	'href title rel target class dir start type checked disabled tabindex role aria-label inert src alt loading ' +
	'data-user data-room data-message data-everyone data-spoiler data-emoji'
).split(' ');

const allowedClasses =
	/^(?:language-[A-Za-z0-9+#._-]{1,40}|heading|heading-[1-6]|table-scroll|align-(?:left|center|right)|task|spoiler|spoiler-text|mention|mention-self|mention-everyone|room|place|emoji|link-host)$/;

const address = /^(?:https?:\/\/|mailto:|\/(?![\\/]))/i;
const ownPicture = /^(?:\/(?![\\/])|blob:)/;

const config = {
	ALLOWED_TAGS: allowedElements,
	ALLOWED_ATTR: allowedAttributes,
	ALLOWED_URI_REGEXP: address,
	ADD_URI_SAFE_ATTR: allowedAttributes.filter((name) => name !== 'href' && name !== 'src'),
	ALLOW_ARIA_ATTR: false,
	ALLOW_DATA_ATTR: false,
	ALLOW_SELF_CLOSE_IN_ATTR: false,
};

type Purifier = ReturnType<typeof createPurifier>;

let purifier: Purifier | null | undefined;

/** Lets through what messages are made of and nothing else, whatever the parser or the browser may do wrong. Null without a DOM. */
function getPurifier(): Purifier | null {
	if (purifier === undefined) {
		purifier = null;
		if (typeof window !== 'undefined') {
			const own = createPurifier(window); // an instance of its own: nobody else's hooks
			if (own.isSupported) {
				own.setConfig(config); // once: reading it takes longer than a short message
				own.addHook('afterSanitizeAttributes', check);
				purifier = own;
			}
		}
	}
	return purifier;
}

function check(node: Element): void {
	const name = node.localName;
	if (name === 'img') {
		if (!ownPicture.test(node.getAttribute('src') ?? '')) return node.remove();
	} else if (name === 'input') {
		if (node.getAttribute('type') !== 'checkbox') return node.remove();
		node.setAttribute('disabled', '');
	}
	if (!node.hasAttributes()) return;
	if (name === 'a') checkLink(node);
	else node.removeAttribute('href');
	if (name !== 'img') node.removeAttribute('src');
	const classes = node.getAttribute('class');
	if (classes === null) return;
	const kept = classes.split(/\s+/).filter((c) => allowedClasses.test(c));
	if (kept.length > 0) node.setAttribute('class', kept.join(' '));
	else node.removeAttribute('class');
}

function checkLink(node: Element): void {
	const href = node.getAttribute('href');
	if (href === null || placePath.test(href)) {
		node.removeAttribute('target');
	} else if (/^(?:https?:\/\/|mailto:)/i.test(href)) {
		node.setAttribute('rel', 'noopener noreferrer nofollow ugc');
		if (!/^mailto:/i.test(href)) node.setAttribute('target', '_blank');
	} else {
		node.removeAttribute('href');
	}
}

/** Makes HTML safe to put into the page. Without a DOM there is no way to, and the answer is null. */
export function sanitise(html: string): string | null {
	const own = getPurifier();
	if (own === null) return null;
	return own.sanitize(html);
}

/** Text as HTML that shows it. */
export function escapeText(text: string): string {
	return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
