/**
 * The facade, file by file, over the scripted core; and where the tools and the built package are.
 * Each test file gets a build of its own: modules keep state.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));
const template = join(root, 'pkg-template');
/** What `cargo xtask package` makes. */
export const packageFolder = process.env.PLENARY_PACKAGE ?? join(root, 'dist/plenary-sdk');

/** Runs a tool of pkg-template's node_modules. */
export function tool(name, args, options = {}) {
  const program = join(template, 'node_modules/.bin', name);
  if (!existsSync(program)) throw new Error(`${program} is missing: run \`npm ci\` in pkg-template.`);
  return spawnSync(program, args, { encoding: 'utf8', shell: process.platform === 'win32', ...options });
}

function sources(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !relative(folder, name).startsWith('generated'));
}

/** A folder under target/ that goes away with the process. */
export function scratch(name) {
  const parent = join(root, 'target/package-tests');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, `${name}-`));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The facade's declarations, made in a folder by the compiler under these options besides the project's. */
export function declarations(folder, options) {
  cpSync(join(template, 'src'), join(folder, 'src'), { recursive: true, filter: (path) => !path.endsWith('generated') });
  cpSync(join(template, 'tsconfig.json'), join(folder, 'tsconfig.json'));
  mkdirSync(join(folder, 'src/generated'));
  writeFileSync(join(folder, 'src/generated/plenary.d.ts'), `
    export function act(what: string, ...given: unknown[]): unknown;
    export default function init(source?: { module_or_path: unknown }): Promise<unknown>;`);
  const built = tool('tsc', ['--project', 'tsconfig.json', ...options, '--outDir', join(folder, 'types')], { cwd: folder });
  if (built.status !== 0) throw new Error(`tsc: ${built.stdout}`);
}

/** Builds the facade's modules with `generated/plenary.js` replaced; gives the folder. */
export function buildOverScriptedCore(name) {
  const folder = scratch(name);
  const files = sources(join(template, 'src'));
  const built = tool('esbuild', [...files, `--outdir=${folder}`, `--outbase=${join(template, 'src')}`, '--format=esm', '--target=es2022', '--log-level=warning']);
  if (built.status !== 0) throw new Error(`esbuild: ${built.stderr}`);
  mkdirSync(join(folder, 'generated'), { recursive: true });
  cpSync(fileURLToPath(new URL('scripted-core.mjs', import.meta.url)), join(folder, 'generated/plenary.js'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return folder;
}

/** `sdk` as an application sees it, `scripted` the core's side, `load` for a module of the facade. */
export async function facade(name) {
  const folder = buildOverScriptedCore(name);
  const load = (file) => import(pathToFileURL(join(folder, file)).href);
  return { sdk: await load('index.js'), scripted: await load('generated/plenary.js'), load, folder };
}

export const credential = { getToken: async () => ({ token: 'a.b.c', expiresOnTimestamp: Date.now() + 3_600_000 }) };

/** Lets microtasks and zero timers run. */
export const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A joined call, and the core under it. */
export async function joined({ sdk, scripted }, options, agentOptions = { displayName: 'Me' }, create = 'createCallAgent') {
  const client = new sdk.CallClient();
  const agent = await client[create](credential, agentOptions);
  const core = scripted.cores.at(-1);
  const call = agent.join({ meetingLink: 'https://meet.example/x' }, options);
  return { client, agent, core, call };
}

export const person = (id, more = {}) => ({ id, displayName: id, role: 'Presenter', state: 'Connected', muted: false, endpoints: [`${id}-1`], ...more });
export const stream = (id, more = {}) => ({ id, mediaStreamType: 'Video', available: true, receiving: false, width: 0, height: 0, ...more });
