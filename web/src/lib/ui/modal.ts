import type { Attachment } from 'svelte/attachments';
import { remember } from './focus';

export interface ModalOptions {
	/** Asked for by Esc, by the system's back gesture, or by a press outside. The owner then takes the dialog away. */
	close: () => void;
	dismissible?: () => boolean;
}

/**
 * Opens a native dialog as a modal one for as long as it is on the page. The browser keeps the focus inside; afterwards
 * the focus returns to where it was, or, when that is gone, to the nearest thing around it that takes it.
 */
export function modal({ close, dismissible = () => true }: ModalOptions): Attachment<HTMLDialogElement> {
	return (dialog) => {
		const giveBack = remember(document.activeElement);

		dialog.showModal();
		// The browser takes the first control, most often the close button. A field, or what asks for it, is a better start.
		dialog.querySelector<HTMLElement>('[autofocus], [data-autofocus]')?.focus();

		let pressedOutside = false;
		const cancel = (event: Event) => {
			if (event.target !== dialog) return; // from a file input inside
			event.preventDefault();
			if (dismissible()) close();
		};
		const keydown = (event: KeyboardEvent) => {
			if (event.key !== 'Escape' || event.defaultPrevented) return;
			event.preventDefault(); // a second Esc would close even a dialog that must be answered
			event.stopPropagation();
			if (dismissible()) close();
		};
		const outside = (event: MouseEvent) => {
			if (event.target !== dialog) return false;
			const box = dialog.getBoundingClientRect();
			return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
		};
		const pointerdown = (event: PointerEvent) => {
			pressedOutside = outside(event);
		};
		const click = (event: MouseEvent) => {
			if (pressedOutside && outside(event) && dismissible()) close();
			pressedOutside = false;
		};
		dialog.addEventListener('cancel', cancel);
		dialog.addEventListener('keydown', keydown);
		dialog.addEventListener('pointerdown', pointerdown);
		dialog.addEventListener('click', click);
		return () => {
			dialog.removeEventListener('cancel', cancel);
			dialog.removeEventListener('keydown', keydown);
			dialog.removeEventListener('pointerdown', pointerdown);
			dialog.removeEventListener('click', click);
			if (dialog.open) dialog.close();
			giveBack();
		};
	};
}
