// Files that go with the next message: uploaded while the person still writes.
import { ApiError, upload, type Attachment, type Limits } from '$lib/api/client';
import { errorText } from '$lib/api/errors';
import { m } from '$lib/i18n';
import { bytes } from '$lib/i18n/time';

export interface Upload {
	readonly id: number;
	readonly file: File;
	/** Address of a preview that is only valid in this page; "" for files that are no pictures. */
	readonly preview: string;
	/** What is sent, 0 to 1. */
	progress: number;
	attachment: Attachment | null;
	error: string;
}

const atOnce = 2;

export class Uploads {
	#list = $state<Upload[]>([]);
	#aborts = new Map<number, AbortController>();
	#next = 1;
	#limits: () => Limits | null;

	constructor(limits: () => Limits | null) {
		this.#limits = limits;
	}

	get list(): readonly Upload[] {
		return this.#list;
	}

	get busy(): boolean {
		return this.#list.some((u) => !u.attachment && !u.error);
	}

	get failed(): boolean {
		return this.#list.some((u) => u.error);
	}

	/** What has arrived, in the order of the files. */
	get attachments(): Attachment[] {
		return this.#list.flatMap((u) => (u.attachment ? [u.attachment] : []));
	}

	/** Adds files; returns what to tell about those that are not taken. */
	add(files: readonly File[]): string {
		const limits = this.#limits();
		let told = '';
		for (const file of files) {
			const most = limits?.attachments_per_message;
			if (most !== null && most !== undefined && this.#list.length >= most) {
				told = m.composer_too_many_files({ count: most });
				break;
			}
			const size = limits?.attachment_bytes;
			if (size !== null && size !== undefined && file.size > size) {
				told = m.composer_file_too_large({ name: file.name, size: bytes(size) });
				continue;
			}
			if (file.size === 0) {
				told = m.composer_file_empty({ name: file.name });
				continue;
			}
			const preview = /^image\/(png|jpeg|gif|webp)$/.test(file.type) ? URL.createObjectURL(file) : '';
			this.#list.push({ id: this.#next++, file, preview, progress: 0, attachment: null, error: '' });
		}
		this.#go();
		return told;
	}

	/** Takes a file away, ending its upload. */
	remove(id: number) {
		this.#aborts.get(id)?.abort();
		const i = this.#list.findIndex((u) => u.id === id);
		if (i < 0) return;
		if (this.#list[i]!.preview) URL.revokeObjectURL(this.#list[i]!.preview);
		this.#list.splice(i, 1);
		this.#go();
	}

	retry(id: number) {
		const u = this.#list.find((u) => u.id === id);
		if (!u) return;
		u.error = '';
		u.progress = 0;
		this.#go();
	}

	/** Forgets all: they went with a message, or the person left. */
	clear() {
		for (const u of this.#list) {
			this.#aborts.get(u.id)?.abort();
			if (u.preview) URL.revokeObjectURL(u.preview);
		}
		this.#list = [];
	}

	#go() {
		for (const u of this.#list) {
			if (this.#aborts.size >= atOnce) return;
			if (!u.attachment && !u.error && !this.#aborts.has(u.id)) void this.#send(u);
		}
	}

	async #send(u: Upload) {
		const abort = new AbortController();
		this.#aborts.set(u.id, abort);
		try {
			const answer = await upload(u.file, { progress: (share) => (u.progress = share), signal: abort.signal });
			u.attachment = answer.attachments[0] ?? null;
			if (!u.attachment) u.error = m.error_unknown();
		} catch (err) {
			if (abort.signal.aborted) return;
			u.error = err instanceof ApiError && err.code === 'type_not_allowed' ? m.composer_type_not_allowed() : errorText(err);
		} finally {
			this.#aborts.delete(u.id);
			this.#go();
		}
	}
}
