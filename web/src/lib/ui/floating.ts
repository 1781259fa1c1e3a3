/** Where a floating element stands beside its anchor: the side, and which edges are in line. */
export type Placement = 'top' | 'top-start' | 'top-end' | 'bottom' | 'bottom-start' | 'bottom-end' | 'start' | 'end';

/** A point of the page, such as that of the pointer, or an element. */
export type Anchor = Element | { x: number; y: number };

interface Box {
	left: number;
	top: number;
	right: number;
	bottom: number;
}

export interface PlaceOptions {
	placement?: Placement;
	/** Pixels between anchor and element. */
	gap?: number;
	/** Pixels kept free at the edges of the window. */
	margin?: number;
}

/**
 * Computes left and top of an element of the given size beside the anchor. It stands on the other side of the anchor
 * when only that has room, and is shifted to stay inside of the window. Start and end follow the direction of text.
 */
export function position(
	anchor: Box,
	size: { width: number; height: number },
	view: { width: number; height: number },
	rtl: boolean,
	{ placement = 'bottom-start', gap = 6, margin = 8 }: PlaceOptions = {},
): { left: number; top: number } {
	const [side, align] = placement.split('-') as ['top' | 'bottom' | 'start' | 'end', 'start' | 'end' | undefined];
	const clamp = (v: number, length: number, room: number) => Math.max(margin, Math.min(v, room - length - margin));
	let left: number;
	let top: number;
	if (side === 'top' || side === 'bottom') {
		const above = anchor.top - gap - size.height;
		const below = anchor.bottom + gap;
		const fitsAbove = above >= margin;
		const fitsBelow = below + size.height + margin <= view.height;
		const roomier = anchor.top > view.height - anchor.bottom;
		const up = side === 'top' ? fitsAbove || (!fitsBelow && roomier) : !fitsBelow && (fitsAbove || roomier);
		top = up ? above : below;
		const alignLeft = (align === 'start') !== rtl;
		if (!align) left = (anchor.left + anchor.right - size.width) / 2;
		else left = alignLeft ? anchor.left : anchor.right - size.width;
	} else {
		const before = anchor.left - gap - size.width;
		const after = anchor.right + gap;
		const fitsBefore = before >= margin;
		const fitsAfter = after + size.width + margin <= view.width;
		const wantsAfter = (side === 'end') !== rtl;
		left = (wantsAfter ? fitsAfter || !fitsBefore : !fitsBefore && fitsAfter) ? after : before;
		top = (anchor.top + anchor.bottom - size.height) / 2;
	}
	return { left: clamp(left, size.width, view.width), top: clamp(top, size.height, view.height) };
}

function boxOf(anchor: Anchor): Box {
	if (anchor instanceof Element) return anchor.getBoundingClientRect();
	return { left: anchor.x, right: anchor.x, top: anchor.y, bottom: anchor.y };
}

/**
 * Keeps a fixed element beside its anchor, through scrolling, resizing and changes of its own size, until the returned
 * function is called.
 */
export function float(element: HTMLElement, anchor: Anchor, options: PlaceOptions = {}): () => void {
	const place = () => {
		const view = { width: document.documentElement.clientWidth, height: window.innerHeight };
		const rtl = getComputedStyle(element).direction === 'rtl';
		const { left, top } = position(boxOf(anchor), { width: element.offsetWidth, height: element.offsetHeight }, view, rtl, options);
		element.style.setProperty('left', `${Math.round(left)}px`);
		element.style.setProperty('top', `${Math.round(top)}px`);
	};
	place();
	const sizes = typeof ResizeObserver === 'function' ? new ResizeObserver(place) : undefined;
	sizes?.observe(element);
	addEventListener('resize', place);
	addEventListener('scroll', place, { capture: true, passive: true });
	return () => {
		sizes?.disconnect();
		removeEventListener('resize', place);
		removeEventListener('scroll', place, { capture: true });
	};
}
