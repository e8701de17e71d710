/** The secrets that were typed; what was left empty stays as the server has it. */
export function given(secret: Record<string, string>): Record<string, string> {
	return Object.fromEntries(Object.entries(secret).filter(([, value]) => value));
}
