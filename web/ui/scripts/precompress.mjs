// Writes a brotli twin (.br) beside every compressible file of dist, so that the server never
// compresses while serving. Twins that would not be smaller are left out.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const compressible = /\.(?:js|css|html|svg|json|webmanifest|txt)$/;
const folder = new URL('../dist', import.meta.url).pathname;

for (const name of readdirSync(folder, { recursive: true })) {
	const path = join(folder, name);
	if (!compressible.test(name) || !statSync(path).isFile()) continue;
	const bytes = readFileSync(path);
	const twin = brotliCompressSync(bytes, {
		params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
	});
	if (twin.length < bytes.length) writeFileSync(`${path}.br`, twin);
}
