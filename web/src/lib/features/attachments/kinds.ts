// How files are shown: by what they are, at which size.
import type { Attachment } from '$lib/api/client';
import type { IconName } from '$lib/ui';

export type Kind = 'image' | 'video' | 'audio' | 'file';

/** What a browser shows of the types that the server serves for it. */
export function kindOf(a: Attachment): Kind {
	if (a.scan !== 'clean') return 'file';
	if (/^image\/(jpeg|png|gif|webp)$/.test(a.mime_type) && a.width && a.height) return 'image';
	if (/^video\/(mp4|webm|ogg|quicktime)$/.test(a.mime_type)) return 'video';
	if (/^audio\//.test(a.mime_type)) return 'audio';
	return 'file';
}

const icons: [RegExp, IconName][] = [
	[/^image\//, 'file-image'],
	[/^video\//, 'file-video'],
	[/^audio\//, 'file-audio'],
	[/zip|tar|gzip|rar|7z|compressed|xz|bzip/, 'file-archive'],
	[/sheet|excel|csv/, 'file-sheet'],
	[/json|xml|javascript|html|css|x-sh|x-python|yaml|toml/, 'file-code'],
	[/^text\/|pdf|word|document|rtf/, 'file-text'],
];

export const iconOf = (a: Attachment): IconName => icons.find(([pattern]) => pattern.test(a.mime_type))?.[1] ?? 'file';

// endings that files of a type have besides its own
const otherEndings: Readonly<Record<string, readonly string[]>> = {
	jpg: ['.jpeg', '.jpe', '.jfif'],
	mp4: ['.m4v'],
	m4a: ['.m4b'],
	ogg: ['.oga', '.opus'],
	weba: ['.webm'],
	wav: ['.wave'],
};

/** How the names of files of a type end, for the dialog that chooses files. */
export const endingsOf = (type: string): string[] => [`.${type}`, ...(otherEndings[type] ?? [])];

/** The type in a word, for people: PDF, ZIP. */
export function typeName(a: Attachment): string {
	const ending = /\.([A-Za-z0-9]{1,6})$/.exec(a.filename)?.[1];
	return (ending ?? a.mime_type.split('/').pop() ?? '').toUpperCase();
}

export interface Size {
	width: number;
	height: number;
}

/** The size of a picture that fits into a box, never larger than it is, and never so thin that it could not be pressed. */
export function fit(picture: Size, box: Size): Size {
	const scale = Math.min(1, box.width / picture.width, box.height / picture.height);
	return { width: Math.max(32, Math.round(picture.width * scale)), height: Math.max(32, Math.round(picture.height * scale)) };
}

const small = 200_000; // bytes that are shown as they are

/** The picture to show where not all of it is needed. Pictures that move are shown whole. */
export const previewOf = (a: Attachment): string => (a.mime_type === 'image/gif' || a.size <= small ? a.url : (a.thumbnail_url ?? a.url));
