export interface PickOptions {
	/** As in <input accept>: "image/*,.pdf". */
	accept?: string;
	multiple?: boolean;
}

/** Asks the person for files with the dialog of the system. Empty when they cancel. Call it from a click. */
export function pickFiles({ accept = '', multiple = false }: PickOptions = {}): Promise<File[]> {
	return new Promise((resolve) => {
		const input = document.createElement('input');
		input.type = 'file';
		input.accept = accept;
		input.multiple = multiple;
		input.hidden = true;
		const done = () => {
			input.remove();
			resolve(Array.from(input.files ?? []));
		};
		input.addEventListener('change', done);
		input.addEventListener('cancel', done);
		document.body.append(input); // some browsers forget an input that is not on the page
		input.click();
	});
}
