import { runCases, tellBrokenCase } from './cases';
const seed = Number(process.env['SIMULATOR_SEED'] ?? 1);
const from = Number(process.env['SIMULATOR_FROM'] ?? 0);
const to = from + Number(process.env['SIMULATOR_CASES'] ?? 20000);
const began = Date.now();
const broken = runCases(seed, { from, to });
if (broken !== undefined) console.log(tellBrokenCase(broken));
console.log(((Date.now() - began) / ((broken?.caseNumber ?? to) - from + 1) * 1000).toFixed(1), 'us per case');
