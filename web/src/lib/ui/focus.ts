/**
 * Remembers an element that has the focus, for what will take it away. The returned function gives it back: to the element, or, when
 * that is gone, to the nearest thing around it that takes it.
 */
export function remember(element: Element | null | undefined): () => void {
	const before = element instanceof HTMLElement && element !== document.body ? element : undefined;
	const around: HTMLElement[] = [];
	for (let e = before?.parentElement; e; e = e.parentElement) around.push(e);
	return () => {
		const back = before?.isConnected ? before : around.find((e) => e.isConnected && e.matches('[tabindex], a[href], button'));
		back?.focus({ preventScroll: true });
	};
}
