import { expect, it } from 'vitest';
import { decodeHTMLStrict } from './entities';

it.each([
	['&amp;', '&'],
	['&lt;', '<'],
	['&quot;', '"'],
	['&copy;', '©'],
	['&CounterClockwiseContourIntegral;', '∳'],
	['&NotEqualTilde;', '≂\u0338'],
	['&semi;', ';'],
	['&NewLine;', '\n'],
	['&nope;', '&nope;'],
	['&ampx;', '&ampx;'],
	['&notit;', '&notit;'],
	['&copy', '&copy'],
	['&#60;', '<'],
	['&#60x;', '&#60x;'],
	['&', '&'],
	['</textarea><img src=x onerror=1>', '</textarea><img src=x onerror=1>'],
])('%j is %j', (reference, want) => {
	expect(decodeHTMLStrict(reference)).toBe(want);
});
