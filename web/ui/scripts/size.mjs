// Fails when the first load outgrows its budget. Sizes are brotli bytes, as the browser gets them:
// the scripts and styles index.html names, what those scripts import statically, and each later part.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const budget = { script: 90_000, style: 12_000, part: 70_000 };
const dist = new URL('../dist', import.meta.url).pathname;

/** Bytes on the wire of one file: its brotli twin if there is one. */
function size(path) {
	const twin = `${path}.br`;
	return statSync(existsSync(twin) ? twin : path).size;
}

/** Adds path and everything it imports statically to seen. */
function follow(path, seen) {
	if (seen.has(path)) return seen;
	seen.add(path);
	const code = readFileSync(path, 'utf8');
	for (const [, name] of code.matchAll(/(?:\bfrom|\bimport)\s*["']([^"']+\.js)["']/g)) {
		follow(name.startsWith('/') ? join(dist, name) : normalize(join(dirname(path), name)), seen);
	}
	return seen;
}

const html = readFileSync(join(dist, 'index.html'), 'utf8');
const named = (pattern) => [...html.matchAll(pattern)].map(([, name]) => join(dist, name));
const scripts = new Set();
for (const path of named(/<script[^>]+src="([^"]+)"/g)) follow(path, scripts);
for (const path of named(/<link[^>]+rel="modulepreload"[^>]+href="([^"]+)"/g)) follow(path, scripts);
const styles = new Set(named(/<link[^>]+rel="stylesheet"[^>]+href="([^"]+)"/g));

const sum = (paths) => [...paths].reduce((total, path) => total + size(path), 0);
const faults = [];
function judge(what, bytes, limit) {
	console.log(`${what}: ${(bytes / 1000).toFixed(1)} kB of ${limit / 1000} kB`);
	if (bytes > limit) faults.push(what);
}

judge('first script', sum(scripts), budget.script);
judge('first style', sum(styles), budget.style);
for (const name of readdirSync(join(dist, 'assets')).filter((name) => /\.(?:js|css)$/.test(name))) {
	const path = join(dist, 'assets', name);
	if (!scripts.has(path) && !styles.has(path)) judge(name, size(path), budget.part);
}
if (faults.length > 0) {
	console.error(`over budget: ${faults.join(', ')}`);
	process.exit(1);
}
