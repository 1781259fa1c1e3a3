/** What a text can refer to. All lookups are by what was typed; what they do not know stays text. */
export interface MessageContext {
	/** Finds a person by username, in lower case. Give only those whom the message really mentions, if that is known. */
	user?(username: string): { id: string; name: string; self?: boolean } | null | undefined;
	/** Whether @everyone, @room and @here mean everybody in this message; true if it is not given. */
	everyone?: boolean;
	/** Finds a room by slug, in lower case. */
	room?(slug: string): { id: string; name: string } | null | undefined;
	/** Finds the picture of one of the server's own emoji: a path on this server. */
	emoji?(name: string): string | null | undefined;
	/** Where this server is; links to rooms and messages below it open inside the page. The page's own origin by default. */
	origin?: string;
	/** Names a link to a room or one of its messages that was pasted bare; without a name the address stays. */
	place?(room: string, message: string | null): string | null | undefined;
	/** Words that only screen readers say. */
	labels?: Partial<Labels>;
}

export interface Labels {
	spoiler: string;
	table: string;
	code: string;
	done: string;
	open: string;
}

export const englishLabels: Labels = { spoiler: 'Spoiler, show', table: 'Table', code: 'Code', done: 'Done', open: 'To do' };

export interface RenderedMessage {
	/** Safe to put into the page with {@html}. */
	html: string;
	/** The message is one to ten emoji and nothing else. */
	bigEmoji: boolean;
	/** There is a block of code in a language: call highlightWithin on the element once it is shown. */
	hasCode: boolean;
	/** Where its links to elsewhere lead, in their order, once each. */
	links: string[];
}

/** What a rendering carries from rule to rule. */
export interface RenderEnv {
	[key: string | symbol]: unknown;
	context: MessageContext;
	labels: Labels;
	/** Usernames that the server takes for mentions in this text, in lower case. */
	mentioned: ReadonlySet<string>;
	links: Set<string>;
	hasCode: boolean;
}
