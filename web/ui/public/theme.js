// Sets theme, density and language on <html> before the first paint. It is a file of its own
// because the content security policy allows no inline script. src/lib/session/look.svelte.ts keeps
// the same names and writes the values read here.
(function () {
	var root = document.documentElement;
	var saved;
	try {
		saved = JSON.parse(localStorage.getItem('deskbell.look') || '{}') || {};
	} catch {
		saved = {}; // storage is switched off, or the value was damaged: defaults
	}
	var dark = saved.theme === 'dark' || (saved.theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
	root.dataset.theme = dark ? 'dark' : 'light';
	root.dataset.density = saved.density === 'compact' ? 'compact' : 'comfortable';
	if (/^(en|ru|it|zh)$/.test(saved.language)) root.lang = saved.language;
})();
