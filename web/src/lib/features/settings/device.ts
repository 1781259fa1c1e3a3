/** What a user agent is, in words a person knows: "Firefox, Windows". What is not known is shown as it is. */
export function deviceName(agent: string): string {
	const browser = /Edg\//.test(agent)
		? 'Edge'
		: /OPR\//.test(agent)
			? 'Opera'
			: /Firefox\//.test(agent)
				? 'Firefox'
				: /Chrom(e|ium)\//.test(agent)
					? 'Chrome'
					: /Safari\//.test(agent)
						? 'Safari'
						: '';
	const system = /iPhone/.test(agent)
		? 'iPhone'
		: /iPad/.test(agent)
			? 'iPad'
			: /Android/.test(agent)
				? 'Android'
				: /Windows/.test(agent)
					? 'Windows'
					: /Mac OS X/.test(agent)
						? 'macOS'
						: /CrOS/.test(agent)
							? 'ChromeOS'
							: /Linux/.test(agent)
								? 'Linux'
								: '';
	if (browser || system) return [browser, system].filter(Boolean).join(', ');
	return agent.slice(0, 60) || '?';
}
