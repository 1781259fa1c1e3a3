// Two short sounds, made rather than fetched. Browsers keep them silent until the person has touched the page.
let context: AudioContext | undefined;
let lastAt = 0;

const tunes = {
	message: [[520, 0, 0.09]],
	mention: [
		[660, 0, 0.1],
		[880, 0.11, 0.16],
	],
} as const;

/** Plays a sound, at most one a second. */
export function play(tune: keyof typeof tunes) {
	if (typeof AudioContext === 'undefined' || Date.now() - lastAt < 1000) return;
	if ((navigator as Navigator & { userActivation?: { hasBeenActive: boolean } }).userActivation?.hasBeenActive === false) return;
	lastAt = Date.now();
	context ??= new AudioContext();
	void context.resume();
	for (const [pitch, after, length] of tunes[tune]) {
		const begin = context.currentTime + after;
		const tone = context.createOscillator();
		const volume = context.createGain();
		tone.type = 'sine';
		tone.frequency.value = pitch;
		volume.gain.setValueAtTime(0, begin);
		volume.gain.linearRampToValueAtTime(0.08, begin + 0.01);
		volume.gain.exponentialRampToValueAtTime(0.0001, begin + length);
		tone.connect(volume).connect(context.destination);
		tone.start(begin);
		tone.stop(begin + length);
	}
}
