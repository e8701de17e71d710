// Before all tests: an organisation without mail, for the settings, and the made-up company, for
// everything else. The tests read from the environment where they are and how to sign in.
import { fill } from './organisation';
import { startDemo, startEmpty } from './programs';

export default async function setUp(): Promise<() => Promise<void>> {
	const running: (() => Promise<void>)[] = [];
	const stop = async () => void (await Promise.all(running.map((each) => each())));
	try {
		const { demo, stop: stopDemo } = await startDemo();
		running.push(stopDemo);
		process.env.DESKBELL_DEMO = JSON.stringify(demo);
		const empty = await startEmpty();
		running.push(empty.stop);
		process.env.DESKBELL_ORGANISATION = JSON.stringify(await fill(empty.url, empty.code));
	} catch (error) {
		await stop();
		throw error;
	}
	return stop;
}
