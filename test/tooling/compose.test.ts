/**
 * Checks docker-compose.temporal.yml by parsing it, because the containers themselves cannot be
 * started in every place where the tests run. What it names must match what the code expects.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { SEARCH_ATTRIBUTES } from '../../src/domain/contracts';

interface Service {
  image: string;
  command?: string[];
  depends_on?: Record<string, { condition: string }>;
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  ports?: string[];
  restart: string;
  volumes?: string[];
}
interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}

const ROOT = resolve(__dirname, '../..');
const text = readFileSync(join(ROOT, 'docker-compose.temporal.yml'), 'utf8');
const { services, volumes } = parse(text, { merge: true }) as Compose;
const all = Object.entries(services);
const jobs = ['temporal-schema', 'temporal-namespace'];

describe('docker-compose.temporal.yml', () => {
  it('has a database, two jobs, a server and the Web UI, in pinned versions', () => {
    const images = Object.fromEntries(all.map(([name, { image }]) => [name, image]));
    expect(images).toEqual({
      'temporal-postgres': 'postgres:16',
      'temporal-schema': 'temporalio/admin-tools:1.32.0',
      temporal: 'temporalio/server:1.32.0',
      'temporal-namespace': 'temporalio/admin-tools:1.32.0',
      'temporal-ui': 'temporalio/ui:2.54.1',
    });
    expect(text).not.toMatch(/:latest|auto-setup/);
  });

  it('checks the health of whatever keeps running, and ends the jobs', () => {
    for (const [name, { healthcheck, restart }] of all) {
      expect([name, healthcheck !== undefined]).toEqual([name, !jobs.includes(name)]);
      expect([name, restart]).toEqual([
        name,
        jobs.includes(name) ? 'on-failure:5' : 'unless-stopped',
      ]);
    }
  });

  it('starts each part after the one it needs', () => {
    const order = all.map(([name, { depends_on = {} }]) => [
      name,
      ...Object.entries(depends_on).map(([needed, { condition }]) => `${needed}: ${condition}`),
    ]);
    expect(order).toEqual([
      ['temporal-postgres'],
      ['temporal-schema', 'temporal-postgres: service_healthy'],
      ['temporal', 'temporal-schema: service_completed_successfully'],
      ['temporal-namespace', 'temporal: service_healthy'],
      ['temporal-ui', 'temporal-namespace: service_completed_successfully'],
    ]);
  });

  it('is reachable from this machine only', () => {
    const ports = all.flatMap(([, service]) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('keeps the data in a named volume', () => {
    expect(services['temporal-postgres']?.volumes).toEqual([
      'temporal-postgres-data:/var/lib/postgresql/data',
    ]);
    expect(Object.keys(volumes)).toEqual(['temporal-postgres-data']);
  });

  it('has no password in it and refuses to start without one', () => {
    const secrets = all.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([name]) => /PASSWORD|PWD/.test(name)),
    );
    expect(secrets.map(([name]) => name)).toEqual([
      'POSTGRES_PASSWORD',
      'SQL_PASSWORD',
      'POSTGRES_PWD',
    ]);
    for (const [, value] of secrets) {
      expect(value).toMatch(/^\$\{TEMPORAL_POSTGRES_PASSWORD:\?[^}]+\}$/);
    }
  });

  it('runs scripts that are there', () => {
    for (const job of jobs) {
      const [script] = services[job]?.command ?? [];
      expect(script).toMatch(/^\/setup\//);
      const file = join(ROOT, 'docker/temporal', script!.slice('/setup/'.length));
      expect(readFileSync(file, 'utf8')).toMatch(/^#!\/bin\/sh\n/);
    }
    const dynamicConfig = services['temporal']?.environment?.['DYNAMIC_CONFIG_FILE_PATH'] ?? '';
    const name = dynamicConfig.slice(dynamicConfig.lastIndexOf('/') + 1);
    expect(parse(readFileSync(join(ROOT, 'docker/temporal', name), 'utf8'))).toBeInstanceOf(Object);
  });

  it('registers exactly the search attributes that the workflows set', () => {
    const { SEARCH_ATTRIBUTES: registered, RETENTION } =
      services['temporal-namespace']?.environment ?? {};
    const expected = Object.values(SEARCH_ATTRIBUTES).map(
      ({ name, type }) => `${name}=${{ KEYWORD: 'Keyword', INT: 'Int' }[type]}`,
    );
    expect(registered?.split(/\s+/).sort()).toEqual(expected.sort());
    expect(RETENTION).toBe(`${45 * 24}h`);
  });
});
