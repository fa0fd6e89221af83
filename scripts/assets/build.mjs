// Bundles the two documentation pages into src/tradepost/doors/pages/assets: one script and one stylesheet each, gzipped, without fonts, and the
// licences of exactly the packages that ended up inside. Run it in a copy of this folder outside the repository:
//     npm install --ignore-scripts && node build.mjs <repository>/src/tradepost/doors/pages/assets
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as esbuild from 'esbuild'

const PAGES = { scalar: 'scalar.js', graphiql: 'graphiql.jsx' }
const target = resolve(process.argv[2] ?? 'out')

// The pages use the reader's own fonts: embedded ones are dropped, and so is the list of remote ones that Scalar carries.
const withoutFonts = {
  name: 'without-fonts',
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, ({ path }) => ({ contents: readFileSync(path, 'utf8').replace(/@font-face\s*\{[^}]*\}/g, ''), loader: 'css' }))
    build.onLoad({ filter: /@scalar\/themes\/dist\/.*\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/@font-face\s*\{[^}]*\}/g, ''),
      loader: 'js',
    }))
  },
}

async function bundle(name) {
  const built = await esbuild.build({
    bundle: true,
    charset: 'utf8',
    define: {
      'process.env.NODE_ENV': '"production"',
      __VUE_OPTIONS_API__: 'true',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    },
    entryPoints: { [name]: PAGES[name] },
    format: 'iife',
    legalComments: 'none', // LICENSES.txt has the full texts
    metafile: true,
    minify: true,
    outdir: target,
    plugins: [withoutFonts],
    target: 'es2022',
    write: false,
  })
  for (const file of built.outputFiles) writeFileSync(`${file.path}.gz`, gzipSync(file.contents, { level: 9 }))
  return Object.values(built.metafile.outputs).flatMap((o) => Object.keys(o.inputs).filter((path) => o.inputs[path].bytesInOutput > 0))
}

// node_modules/a/node_modules/@b/c/dist/x.js -> node_modules/a/node_modules/@b/c
const folder = (path) => path.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1]

function licence(path) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(path, 'package.json')))
  const file = readdirSync(path).find((f) => /^(licen[cs]e|copying)/i.test(f))
  const by = typeof author === 'string' ? author : author?.name
  const text = file ? readFileSync(join(path, file), 'utf8').trim() : `(The package has no licence file; its package.json says: ${license}${by ? `, by ${by}` : ''}.)`
  return { title: `${name} ${version} (${license})`, text: text.replace(/\r/g, '').replace(/[ \t]+$/gm, '') }
}

function licences(inputs) {
  const packages = [...new Set(inputs.map(folder).filter((p) => p && existsSync(join(p, 'package.json'))))].map(licence)
  const texts = Map.groupBy?.(packages, (p) => p.text) ?? packages.reduce((all, p) => all.set(p.text, [...(all.get(p.text) ?? []), p]), new Map())
  const one = ([text, from]) => `${from.map((p) => p.title).sort().join('\n')}\n\n${text}\n`
  return `What the bundles in this folder contain, and the terms of each part.\n\n${[...texts].map(one).sort().join(`\n${'='.repeat(80)}\n\n`)}`
}

mkdirSync(target, { recursive: true })
const inputs = (await Promise.all(Object.keys(PAGES).map(bundle))).flat()
writeFileSync(join(target, 'LICENSES.txt'), licences(inputs))
