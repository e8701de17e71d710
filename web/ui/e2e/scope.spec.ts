// What belongs to another shop does not exist for an agent: not in lists, search and counts, not at its
// address, and not a word of it on the websocket.
import { call, Desk, expect, message, noteBox, row, signedIn, test } from './desk';

let ours: Desk;
let theirs: Desk;
test.beforeAll(async () => {
	ours = await Desk.open('Elm Court', ['Zara Varley']);
	theirs = await Desk.open('Foreign Quay', ['Priya Larkspur']);
});
test.afterAll(async () => {
	await ours?.close();
	await theirs?.close();
});

test('an agent of one shop learns nothing of another', async ({ enter }) => {
	const [zara] = ours.people;
	const [priya] = theirs.people;
	const [foreign = ''] = await theirs.receiveAll(['The secret teapot']);

	const frames: string[] = [];
	const page = await enter(zara!, '/settings/profile');
	page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(payload.toString())));
	await page.goto('/inbox/all');
	await expect.poll(() => frames.some((frame) => frame.includes('"hello"'))).toBe(true);

	// Over there: looked at, a note, a tag, an answer, closed, and another mail.
	const colleague = await enter(priya!, `/inbox/all/${foreign}`);
	await expect(message(colleague, 'the secret teapot')).toBeVisible();
	await colleague.keyboard.press('n');
	await expect(noteBox(colleague)).toBeFocused();
	await colleague.keyboard.type('A note about the teapot');
	await colleague.keyboard.press('Control+Enter');
	await expect(message(colleague, 'A note about the teapot')).toBeVisible();
	const api = await signedIn(priya!);
	const { items: tags } = await call<{ items: { id: string }[] }>(api, 'GET', '/tags');
	await call(api, 'PUT', `/conversations/${foreign}/tags/${tags[0]?.id}`);
	await call(api, 'POST', `/conversations/${foreign}/replies`, { text: 'It is on its way', anyway: true });
	await call(api, 'PUT', `/conversations/${foreign}/state`, { state: 'closed', reason: 'done' });
	await theirs.receiveAll(['The other teapot']);
	await api.dispose();

	// What comes after all that on the same log has arrived; so would the rest have.
	await ours.receiveAll(['Our own kettle']);
	await expect(row(page, 'Our own kettle')).toBeVisible();
	await expect(page.getByRole('option')).toHaveCount(1);
	const heard = frames.map((frame) => JSON.parse(frame) as { shop?: string; conversation?: string });
	expect(heard.filter((frame) => frame.shop === theirs.shop || frame.conversation === foreign)).toEqual([]);
	expect(frames.filter((frame) => /teapot|Priya|Foreign/i.test(frame))).toEqual([]);
	expect(heard.some((frame) => frame.shop === ours.shop)).toBe(true);

	// Navigation, search and address.
	const navigation = page.getByRole('navigation', { name: 'Navigation' });
	await expect(navigation.getByRole('link', { name: ours.name })).toBeVisible();
	await expect(navigation.getByRole('link', { name: theirs.name })).toHaveCount(0);
	await page.goto('/inbox/all?state=any&q=teapot');
	await expect(page.getByText('No conversation fits the search and the filters.')).toBeVisible();
	await page.goto('/inbox/all?state=any&q=kettle');
	await expect(row(page, 'Our own kettle')).toBeVisible();
	await page.goto(`/inbox/all/${foreign}`);
	await expect(page.getByText('This conversation is not here')).toBeVisible();
	await page.goto(`/inbox/all?shop=${theirs.shop}`);
	await expect(page.getByText('No conversation fits the search and the filters.')).toBeVisible();

	// And the interface itself: the same answer as for what never was.
	const get = async (path: string) => (await page.request.get(`/api/v1${path}`)).status();
	for (const path of ['', '/messages', '/events']) expect(await get(`/conversations/${foreign}${path}`)).toBe(404);
	expect(await get(`/conversations/999999`)).toBe(404);
	const counts = await call<{ views: Record<string, { total: number }>; shops: object }>(
		page.request,
		'GET',
		'/conversations/counts'
	);
	expect(counts.views.all?.total).toBe(1);
	expect(Object.keys(counts.shops)).toEqual([ours.shop]);
	const search = await page.request.get('/api/v1/search?q=teapot');
	expect(await search.text()).not.toContain('teapot');
});
