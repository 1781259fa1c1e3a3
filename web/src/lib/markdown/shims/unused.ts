// Stands in for the packages "linkify-it" and "punycode.js" (see the aliases in vite.config.ts). markdown-it imports them to find
// and to write addresses, which links.ts does, as the server does it and with the browser's own URL.

/** What the parser makes one of and never asks. */
export class LinkifyIt {}

export default {};
