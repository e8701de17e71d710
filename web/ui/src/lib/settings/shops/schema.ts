// Forms from the JSON Schema of a kind of connection.
import type { JsonSchema } from '$lib/api/types';
import { known, t } from '$lib/i18n/i18n.svelte';

export type Values = Record<string, unknown>;

/** The values a new form starts with: the defaults, and room for nested objects. */
export function defaults(schema: JsonSchema): Values {
	const values: Values = {};
	for (const [name, property] of Object.entries(schema.properties ?? {})) {
		if (property.type === 'object') values[name] = defaults(property);
		else if (property.default !== undefined) values[name] = structuredClone(property.default);
		else if (property.type === 'array') values[name] = [];
		else if (property.type === 'boolean') values[name] = false;
		else values[name] = '';
	}
	return values;
}

/** Saved values over the defaults, however deep. */
export function fill(schema: JsonSchema, saved: Values): Values {
	const values = defaults(schema);
	for (const [name, value] of Object.entries(saved)) {
		const property = schema.properties?.[name];
		values[name] =
			property?.type === 'object' && typeof value === 'object' && value !== null
				? fill(property, value as Values)
				: structuredClone(value);
	}
	return values;
}

/** What is sent: numbers as numbers, empty optional texts left out. */
export function collect(schema: JsonSchema, values: Values): Values {
	const result: Values = {};
	for (const [name, property] of Object.entries(schema.properties ?? {})) {
		const value = values[name];
		if (property.type === 'object') result[name] = collect(property, (value ?? {}) as Values);
		else if (property.type === 'integer' || property.type === 'number') {
			if (value !== '' && value !== null && value !== undefined) result[name] = Number(value);
		} else if (property.type === 'array') {
			result[name] = ((value ?? []) as string[]).map((item) => item.trim()).filter(Boolean);
		} else if (typeof value === 'string') {
			const text = value.trim();
			if (text !== '' || property.default === '' || schema.required?.includes(name)) result[name] = text;
		} else if (value !== undefined) result[name] = value;
	}
	return result;
}

/** Inputs that must not be empty and are: path → what is wrong. */
export function missing(schema: JsonSchema, values: Values, path = 'settings'): Record<string, string> {
	const wrong: Record<string, string> = {};
	for (const [name, property] of Object.entries(schema.properties ?? {})) {
		const value = values[name];
		const here = `${path}.${name}`;
		if (property.type === 'object') Object.assign(wrong, missing(property, (value ?? {}) as Values, here));
		else if (schema.required?.includes(name) && String(value ?? '').trim() === '') {
			wrong[here] = t('settings.fieldMissing', { field: label(here, property) });
		}
	}
	return wrong;
}

function worded(path: string, kind: 'field' | 'help'): string {
	const key = `settings.${kind}_${path.replace(/^settings\./, '').replaceAll('.', '_')}`;
	if (known(key)) return t(key);
	// The same word for host, port and the like of any server.
	const last = `settings.${kind}_${path.split('.').at(-1)}`;
	return known(last) ? t(last) : '';
}

export function label(path: string, property: JsonSchema): string {
	return worded(path, 'field') || property.title || path.split('.').at(-1) || path;
}

export function help(path: string, property: JsonSchema): string {
	return worded(path, 'help') || property.description || '';
}

/** The words of one choice of an enum. */
export function optionLabel(path: string, value: unknown): string {
	const key = `settings.option_${path.split('.').at(-1)}_${String(value)}`;
	return known(key) ? t(key) : String(value);
}
