import { defineConfig } from '@playwright/test';

// One worker: the journeys share the programs that e2e/global.ts starts, and two cores.
export default defineConfig({
	testDir: 'e2e',
	globalSetup: './e2e/global.ts',
	workers: 1,
	timeout: 120_000,
	expect: { timeout: 10_000 },
	forbidOnly: true,
	reporter: 'list',
	use: {
		viewport: { width: 1366, height: 860 },
		locale: 'en-GB',
		timezoneId: 'Europe/Rome',
		colorScheme: 'light',
		screenshot: 'only-on-failure',
		launchOptions: {
			executablePath: process.env.DESKBELL_CHROMIUM || '/usr/bin/chromium',
			args: [
				'--no-sandbox',
				'--disable-gpu',
				'--disable-quic',
				'--no-first-run',
				'--disable-background-networking',
				'--disable-component-update',
				'--disable-sync'
			]
		}
	}
});
