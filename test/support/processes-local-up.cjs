'use strict';

// Runs the compiled `payouts local up` with the options given as JSON, without the command line parser.
const { localUp } = require('../../dist/local/local-up.js');

localUp(JSON.parse(process.argv[2]), process).then((code) => process.exit(code));
