'use strict';
// A Vendure shop in one process: server and job queue together, because two processes that write to one SQLite file
// lock each other out.
//
//   node server.cjs populate   makes the shop in SHOP_DIR: database, customers.csv, shop.json
//   node server.cjs            serves the shop in SHOP_DIR until SIGTERM; prints "ready URL"
//
// SHOP_DIR      folder of this shop; one process at a time
// SHOP_ASSETS   folder of product pictures (default: SHOP_DIR/assets)
// PORT          on 127.0.0.1
// CUSTOMERS     how many made-up customers populate makes (default: 100)
// MISTAKES      1: with the mistakes of mistakes.cjs

const path = require('path');

const env = process.env;
env.VENDURE_DISABLE_TELEMETRY = 'true'; // a test tells nobody that it ran
const dir = path.resolve(env.SHOP_DIR || '.');
const assets = path.resolve(env.SHOP_ASSETS || path.join(dir, 'assets'));
const port = Number(env.PORT);

// Vendure writes its import report and others to the working folder: never into the sources.
process.chdir(dir);

async function serve() {
    const { JobQueueService, bootstrap } = require('@vendure/core');
    const { config } = require('./config.cjs');
    const mistakes = env.MISTAKES === '1';
    const plugins = mistakes ? [require('./mistakes.cjs').MistakesPlugin] : [];
    const app = await bootstrap(config({ dir, assets, port, plugins, synchronize: mistakes })); // its reviews need a table
    await app.get(JobQueueService).start();
    console.log(`ready http://127.0.0.1:${port}`);
    // Nest's own shutdown hooks wait for keep-alive connections; a test does not.
    const stop = () => app.close().finally(() => process.exit(0));
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
}

async function populate() {
    const { fill } = require('./populate.cjs');
    await fill({ dir, assets, port, customers: Number(env.CUSTOMERS || 100) });
    process.exit(0);
}

(process.argv[2] === 'populate' ? populate() : serve()).catch(err => {
    console.error(err);
    process.exit(1);
});
