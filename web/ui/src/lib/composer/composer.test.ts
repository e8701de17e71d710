// The composer's understanding of words, and the editor's documents as text and HTML.
import { describe, expect, it } from 'vitest';
import { fromHtml, fromText, toHtml, toText } from './editor';
import { completeLink, mentioned, mentionsAttachment, readAddresses, safeLink } from './words';

describe('words', () => {
	it('lets only pages, mail and telephones be links', () => {
		expect(['https://a.example', 'mailto:a@b.example', 'tel:+391'].every(safeLink)).toBe(true);
		expect(['javascript:alert(1)', 'data:text/html,x', '/local', 'https://a b'].some(safeLink)).toBe(false);
		expect(completeLink('shop.example/tea')).toBe('https://shop.example/tea');
		expect(completeLink('ann@mail.example')).toBe('mailto:ann@mail.example');
		expect(completeLink('just words')).toBe('');
	});

	it.each(['see the attached file', 'во вложении счёт', 'in allegato la fattura', '请查看附件'])(
		'hears of an attachment in %s',
		(text) => expect(mentionsAttachment(text)).toBe(true)
	);

	it('does not take a quoted attachment for ours', () => {
		expect(mentionsAttachment('Thank you\n> I attached a photo')).toBe(false);
		expect(mentionsAttachment('We are attractive')).toBe(false);
	});

	it('finds who is mentioned', () => {
		const people = [
			{ id: '1', name: 'Ann Lee' },
			{ id: '2', name: 'Ivan' }
		];
		expect(mentioned('@Ann Lee please look', people)).toEqual(['1']);
		expect(mentioned('ask Ivan', people)).toEqual([]);
	});

	it('reads addresses with and without names', () => {
		expect(readAddresses('Ann Lee <ann@mail.example>, bob@mail.example;')).toEqual([
			{ name: 'Ann Lee', address: 'ann@mail.example' },
			{ name: '', address: 'bob@mail.example' }
		]);
		expect(readAddresses('')).toEqual([]);
		expect(readAddresses('ann@mail.example, nobody')).toBeNull();
	});
});

describe('documents', () => {
	it('give plain text back as it was, and no HTML for it', () => {
		const text = 'Hello Ann,\n\nfirst line\nsecond line\n\nIvan';
		expect(toText(fromText(text))).toBe(text);
		expect(toHtml(fromText(text))).toBe('');
	});

	it('keep formatting as HTML and say it in plain text', () => {
		const html =
			'<p>Dear <strong>Ann</strong>, <a href="https://a.example">see here</a></p><ul><li><p>one</p></li><li><p>two</p></li></ul><blockquote><p>quoted</p></blockquote>';
		const doc = fromHtml(html);
		expect(toHtml(doc)).toBe(html);
		expect(toText(doc)).toBe('Dear Ann, see here (https://a.example)\n\n- one\n- two\n\n> quoted');
	});

	it('leave out what could run or load', () => {
		const doc = fromHtml(
			'<p onclick="x()">a<img src="https://x.example/p.png"><script>x()</script><a href="javascript:x()">b</a></p>'
		);
		expect(toHtml(doc)).toBe('');
		expect(toText(doc)).toBe('ab');
	});
});
