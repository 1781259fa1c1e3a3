// The standing of people on the server, lowest first.
import type { User } from '$lib/api/client';
import { m } from '$lib/i18n';

export type Rank = User['rank'];

export const ranks: readonly Rank[] = ['member', 'moderator', 'admin', 'owner'];

/** How high a rank is: 0 is that of everybody. */
export const height = (rank: Rank): number => ranks.indexOf(rank);

export const rankNames: Record<Rank, () => string> = { member: m.admin_rank_member, moderator: m.admin_rank_moderator, admin: m.admin_rank_admin, owner: m.admin_rank_owner };
