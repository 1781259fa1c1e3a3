import { m } from './index';

/** What a person shows to others, in words. */
export const statusNames = { online: m.status_online, away: m.status_away, busy: m.status_busy, offline: m.status_offline };
