// embed.js DIST OUT.cc: the bundle in DIST as a C++ source that holds its files, each as it is and,
// where that saves something, compressed ahead. The bytes come in through .incbin: gcc 12 has no
// #embed, and literals of this size are slow to compile.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, relative, resolve, sep } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const WORTH_IT = 0.9; // A form that is larger than this part of the plain one is left out.

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function formsOf(plain) {
  const forms = {
    gzip: gzipSync(plain, { level: 9 }),
    brotli: brotliCompressSync(plain, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
      },
    }),
  };
  for (const [name, bytes] of Object.entries(forms))
    if (bytes.length > plain.length * WORTH_IT) delete forms[name];
  return { plain, ...forms };
}

function embed(dist, out) {
  const folder = `${out}.files`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const blocks = [];
  const rows = filesBelow(dist).map((file, i) => {
    const name = '/' + relative(dist, file).split(sep).join('/');
    const type = TYPES[extname(file)];
    if (!type) throw new Error(`${name}: of which content type is it?`);
    const plain = readFileSync(file);
    const views = { plain: '{}', gzip: '{}', brotli: '{}' };
    for (const [form, bytes] of Object.entries(formsOf(plain))) {
      const symbol = `granary_console_${i}_${form}`;
      const path = join(folder, symbol);
      writeFileSync(path, bytes);
      blocks.push({ symbol, path });
      views[form] = `Between(${symbol}, ${symbol}_end)`;
    }
    const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 22);
    const isPage = name === '/index.html';
    return `      {"${isPage ? '/' : name}", "${type}", "${hash}", ${!isPage},
       ${views.plain}, ${views.gzip}, ${views.brotli}},`;
  });
  writeFileSync(
    out,
    `// Made of console/ by the build.
#include "granary/services/monitoring/console_files.h"

asm(R"(
.pushsection .rodata
${blocks.map(({ symbol, path }) => `.globl ${symbol}, ${symbol}_end\n${symbol}: .incbin "${path}"\n${symbol}_end: .byte 0`).join('\n')}
.popsection
)");

extern "C" {
${blocks.map(({ symbol }) => `extern const char ${symbol}[], ${symbol}_end[];`).join('\n')}
}

namespace granary::services {
namespace {

std::string_view Between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::span<const ConsoleFile> ConsoleFiles() {
  static const ConsoleFile files[] = {
${rows.join('\n')}
  };
  return files;
}

}  // namespace granary::services
`,
  );
}

const [dist, out] = process.argv.slice(2).map((path) => resolve(path));
mkdirSync(dirname(out), { recursive: true });
embed(dist, out);
