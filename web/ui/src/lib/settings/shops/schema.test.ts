// @vitest-environment jsdom
import { expect, it } from 'vitest';
import type { JsonSchema } from '$lib/api/types';
import { presetOf } from './presets';
import { collect, defaults, fill, label, missing } from './schema';

const schema: JsonSchema = {
	type: 'object',
	required: ['address', 'imap'],
	properties: {
		address: { type: 'string', format: 'email', title: 'Address' },
		imap: {
			type: 'object',
			required: ['host'],
			properties: {
				host: { type: 'string' },
				port: { type: 'integer', default: 993 },
				security: { type: 'string', enum: ['tls', 'none'], default: 'tls' },
				folders: { type: 'array', default: ['INBOX'] }
			}
		},
		sent_folder: { type: 'string', default: '' },
		note: { type: 'string', title: 'Something new' }
	}
};

it('starts with the defaults, however deep', () => {
	expect(defaults(schema)).toEqual({
		address: '',
		imap: { host: '', port: 993, security: 'tls', folders: ['INBOX'] },
		sent_folder: '',
		note: ''
	});
});

it('lays what is saved over the defaults and shares nothing with it', () => {
	const saved = { address: 'a@b.example', imap: { host: 'mail.b.example', folders: ['INBOX', 'Shop'] } };
	const values = fill(schema, saved);
	expect(values).toMatchObject({ address: 'a@b.example', imap: { host: 'mail.b.example', port: 993 } });
	(values.imap as { folders: string[] }).folders.push('x');
	expect(saved.imap.folders).toEqual(['INBOX', 'Shop']);
});

it('sends numbers as numbers and leaves empty texts out', () => {
	const values = {
		address: ' a@b.example ',
		imap: { host: 'h', port: '143', security: 'tls', folders: ['INBOX', ' ', ' Shop '] },
		sent_folder: '',
		note: ' '
	};
	expect(collect(schema, values)).toEqual({
		address: 'a@b.example',
		imap: { host: 'h', port: 143, security: 'tls', folders: ['INBOX', 'Shop'] },
		sent_folder: ''
	});
	expect(collect(schema, { ...values, imap: { port: '' } })).toMatchObject({ imap: { folders: [] } });
});

it('names what is missing by its place', () => {
	expect(Object.keys(missing(schema, { address: ' ', imap: { host: '' } }))).toEqual([
		'settings.address',
		'settings.imap.host'
	]);
	expect(missing(schema, { address: 'a@b.example', imap: { host: 'h' } })).toEqual({});
});

it('takes our words for known fields and the schema’s for others', () => {
	expect(label('settings.imap.host', {})).toBe('Server');
	expect(label('settings.note', schema.properties?.note ?? {})).toBe('Something new');
});

it('knows providers by the end of an address', () => {
	expect(presetOf('Shop@GMail.com')?.imap.host).toBe('imap.gmail.com');
	expect(presetOf('help@blueshoes.example')).toBeUndefined();
	expect(presetOf('gmail.com')).toBeUndefined();
});
