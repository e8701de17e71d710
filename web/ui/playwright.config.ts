import { defineConfig } from '@playwright/test';

// The tests run against a server of their own, which e2e/global.ts starts from bin/deskbell, or
// against the one at DESKBELL_URL. One worker: they share that server.
export default defineConfig({
	testDir: 'e2e',
	globalSetup: './e2e/global.ts',
	workers: 1,
	timeout: 60_000,
	expect: { timeout: 10_000 },
	forbidOnly: true,
	use: {
		viewport: { width: 1360, height: 860 },
		locale: 'en-GB',
		timezoneId: 'Europe/Rome',
		trace: 'retain-on-failure',
		launchOptions: {
			executablePath: process.env.DESKBELL_CHROMIUM || process.env.CHROMIUM || '/usr/bin/chromium',
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
