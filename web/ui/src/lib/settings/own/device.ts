/** "Firefox, Linux" from a User-Agent header; "" if neither can be told. */
export function deviceName(agent: string): string {
	const browsers: [RegExp, string][] = [
		[/\bEdg\//, 'Edge'],
		[/\bOPR\//, 'Opera'],
		[/\bFirefox\//, 'Firefox'],
		[/\bChrom(?:e|ium)\//, 'Chrome'],
		[/\bSafari\//, 'Safari'],
		[/\bcurl\//, 'curl']
	];
	const systems: [RegExp, string][] = [
		[/Windows/, 'Windows'],
		[/iPhone|iPad/, 'iOS'],
		[/Android/, 'Android'],
		[/Mac OS X/, 'macOS'],
		[/CrOS/, 'ChromeOS'],
		[/Linux/, 'Linux']
	];
	const name = (known: [RegExp, string][]) => known.find(([pattern]) => pattern.test(agent))?.[1];
	return [name(browsers), name(systems)].filter(Boolean).join(', ');
}
