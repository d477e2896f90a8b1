import { loadSettings, type EnvironmentVariables } from '../config/settings';
import { openDatabase, type Database } from '../db/database';
import { connectTemporal, type TemporalClient } from './temporal-client';

/** Runs work with an open database and closes it, however the work ends. */
export async function withDatabase<Result>(
  variables: EnvironmentVariables,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const { databaseUrl } = loadSettings(variables, ['DATABASE_URL']);
  const { database, close } = openDatabase(databaseUrl);
  try {
    return await work(database);
  } finally {
    await close();
  }
}

/** Runs work with a connection to Temporal and closes it, however the work ends. */
export async function withTemporal<Result>(
  variables: EnvironmentVariables,
  work: (temporal: TemporalClient) => Promise<Result>,
): Promise<Result> {
  const temporal = await connectTemporal(variables, loadSettings(variables, ['TEMPORAL_ADDRESS']));
  try {
    return await work(temporal);
  } finally {
    await temporal.close();
  }
}
