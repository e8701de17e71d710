/** The zone of this device, such as "Europe/Rome". */
export function ownZone(): string {
	return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** All zones the browser knows, UTC, and the given one, in order of the alphabet. */
export function allZones(also: string = ''): string[] {
	const zones = new Set(['UTC', ...Intl.supportedValuesOf('timeZone')]);
	if (also) zones.add(also);
	return [...zones].sort();
}
