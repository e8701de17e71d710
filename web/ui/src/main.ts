import { mount } from 'svelte';
import App from './App.svelte';
import { setLanguage, t } from './lib/i18n/i18n.svelte';
import { toasts } from './lib/kit/toasts.svelte';
import { firstLanguage } from './lib/session/look.svelte';
import './styles/app.css';

// After an update the server no longer has the old files: offer the new program, never force it.
window.addEventListener('vite:preloadError', () => {
	toasts.show(t('common.newVersion'), {
		id: 'new-version',
		lasts: Infinity,
		kind: 'info',
		action: { label: t('common.reload'), run: () => window.location.reload() }
	});
});

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
await setLanguage(firstLanguage()).catch(() => undefined); // English is always there
mount(App, { target });
