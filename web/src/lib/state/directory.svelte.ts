// The server's own rooms in their order, and its roles: what everybody sees of how the server is arranged.
import { call, type Role, type Room, type Self } from '$lib/api/client';
import type { ServerFrame } from '$lib/api/frames';
import type { Rooms } from './rooms.svelte';

export class Directory {
	#rooms = $state.raw<readonly Room[]>([]);
	#roles = $state.raw<ReadonlyMap<string, Role>>(new Map());

	/** Highest first. */
	get roles(): readonly Role[] {
		return [...this.#roles.values()];
	}

	role(id: string): Role | undefined {
		return this.#roles.get(id);
	}

	/** The server's own rooms, those that the person is no member of too; favourites have a place of their own. */
	channels(own: Rooms): readonly Room[] {
		const listed = this.#rooms.map((r) => own.get(r.id) ?? r);
		const known = new Set(listed.map((r) => r.id));
		return [...listed, ...own.list.filter((r) => r.official && !known.has(r.id))].filter((r) => !r.me?.favourite);
	}

	/** The role whose colour and group a person bears: the highest that has such. */
	shown(ids: readonly string[] | undefined, which: 'color' | 'hoisted'): Role | undefined {
		if (!ids?.length) return;
		return this.roles.find((r) => r[which] && ids.includes(r.id));
	}

	/** Whether a person's roles give a permission of the server. */
	may(me: Self | null, permission: string): boolean {
		if (!me) return false;
		return me.rank === 'owner' || me.roles.some((id) => this.role(id)?.permissions.some((p) => p === permission || p === 'administrator'));
	}

	async load() {
		await Promise.all([this.#loadRooms(), this.#loadRoles()]);
	}

	apply(frame: ServerFrame, me: string) {
		switch (frame.type) {
			case 'directory_changed':
				void this.#loadRooms().catch(() => {});
				break;
			case 'roles_changed':
				void this.load().catch(() => {});
				break;
			case 'user_updated': // other roles see other rooms
				if (frame.user.id === me) void this.#loadRooms().catch(() => {});
				break;
		}
	}

	clear() {
		this.#rooms = [];
		this.#roles = new Map();
	}

	/** The latest question has the last word. */
	#asked = 0;

	async #loadRooms() {
		const asked = ++this.#asked;
		const { rooms } = await call('GET /rooms/server');
		if (asked === this.#asked) this.#rooms = rooms;
	}

	async #loadRoles() {
		const { roles } = await call('GET /admin/roles');
		this.#roles = new Map(roles.map((r) => [r.id, r]));
	}
}
