import { describe, expect, it } from 'vitest';
import { apart } from './source';

describe('the source of a mail', () => {
	it.each([
		[
			'a mail',
			'From: a@b.example\r\nSubject: Hi\r\n\r\nHello',
			[
				['From', ' a@b.example'],
				['Subject', ' Hi']
			],
			'Hello'
		],
		['folded headers', 'To: a@b.example,\n c@d.example\n\nText', [['To', ' a@b.example,\n c@d.example']], 'Text'],
		['headers alone', 'From: a@b.example', [['From', ' a@b.example']], ''],
		['no mail', 'just words', [], 'just words'],
		[
			'a line that is no header',
			'From: a@b.example\nbroken line\n\nText',
			[['From', ' a@b.example']],
			'broken line\n\nText'
		],
		['nothing', '', [], '']
	] as const)('takes %s apart', (_, text, headers, body) => {
		const found = apart(text);
		expect(found.headers.map(({ name, value }) => [name, value])).toEqual(headers);
		expect(found.body).toBe(body);
	});
});
