// The words of the interface: messages/en.json and one file for each further language.
export { m } from './paraglide/messages.js';
export { getLocale, locales, setLocale } from './paraglide/runtime.js';
export type { Locale } from './paraglide/runtime.js';
