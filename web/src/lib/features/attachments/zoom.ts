// The arithmetic of looking closer at a picture: scale, and the shift of its centre in pixels.
export interface Zoom {
	scale: number;
	x: number;
	y: number;
}

export interface Area {
	width: number;
	height: number;
}

export const whole: Zoom = { scale: 1, x: 0, y: 0 };
export const closest = 8;

/** Scales by a factor so that a point, given from the centre of the place, stays where it is. */
export function zoomAt(z: Zoom, factor: number, px: number, py: number, picture: Area, place: Area): Zoom {
	const scale = Math.min(closest, Math.max(1, z.scale * factor));
	const by = scale / z.scale;
	return bounded({ scale, x: px - (px - z.x) * by, y: py - (py - z.y) * by }, picture, place);
}

/** Keeps the picture from leaving its place: no edge comes further in than it has to. */
export function bounded(z: Zoom, picture: Area, place: Area): Zoom {
	const room = (size: number, limit: number) => Math.max(0, (size * z.scale - limit) / 2);
	const clamp = (v: number, most: number) => Math.min(most, Math.max(-most, v)) || 0;
	return { scale: z.scale, x: clamp(z.x, room(picture.width, place.width)), y: clamp(z.y, room(picture.height, place.height)) };
}
