import { beforeEach, expect, it } from 'vitest';
import { bytes, date, known, list, loadWords, number, relative, setLanguage, t } from './i18n.svelte';

beforeEach(() => setLanguage('en'));

it('fills placeholders and leaves unknown ones', () => {
	expect(t('common.offlineSince', { time: '14:02' })).toBe('Offline since 14:02');
	expect(t('common.offlineSince')).toBe('Offline since {time}');
});

it('chooses the plural form of the language', async () => {
	await setLanguage('ru');
	const minutes = (count: number) => t('common.breakMinutes', { count });
	expect([1, 2, 5, 11, 21].map(minutes)).toEqual([
		'Перерыв, 1 минута',
		'Перерыв, 2 минуты',
		'Перерыв, 5 минут',
		'Перерыв, 11 минут',
		'Перерыв, 21 минута'
	]);
	await setLanguage('zh');
	expect(minutes(2)).toBe('休息 2 分钟');
});

it('writes numbers and dates as the language does', async () => {
	await setLanguage('it');
	expect(number(12345.5)).toBe('12.345,5');
	expect(list(['a', 'b', 'c'])).toBe('a, b e c');
	expect(date('2026-03-02T09:00:00Z', { dateStyle: 'long', timeZone: 'UTC' })).toBe('2 marzo 2026');
	await setLanguage('en');
	expect(bytes(1_400_000)).toBe('1.4 MB');
});

it('words the distance between two moments', () => {
	const now = Date.parse('2026-03-02T12:00:00Z');
	expect(relative('2026-03-02T11:55:00Z', now)).toBe('5 min. ago');
	expect(relative('2026-03-04T12:00:00Z', now)).toBe('in 2 days');
	expect(relative('2026-03-02T11:59:40Z', now)).toBe('now');
});

it('lets the last of two overlapping changes win and marks the page', async () => {
	await Promise.all([setLanguage('ru'), setLanguage('it')]);
	expect(t('common.save')).toBe('Salva');
	expect(document.documentElement.lang).toBe('it');
});

it('knows which codes it can word', () => {
	expect(known('reasons.unknown')).toBe(true);
	expect(known('reasons.never_heard_of')).toBe(false);
});

it('brings the words of the settings in every language, whichever is on its way', async () => {
	await Promise.all([setLanguage('it'), loadWords()]);
	expect(t('settings.tags')).toBe('Etichette');
	await setLanguage('zh');
	expect(t('settings.tags')).toBe('标签');
});
