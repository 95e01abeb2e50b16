'use strict';
// The shop as @vendure/create would set it up, on SQLite, with the addresses and passwords of a test.

const path = require('path');
const bcrypt = require('bcrypt');
const {
    DefaultJobQueuePlugin, DefaultLogger, DefaultSearchPlugin, LogLevel, dummyPaymentHandler,
} = require('@vendure/core');
const { AssetServerPlugin } = require('@vendure/asset-server-plugin');
const { EmailPlugin, FileBasedTemplateLoader, defaultEmailHandlers } = require('@vendure/email-plugin');

const packages = name => path.dirname(require.resolve(`${name}/package.json`));

const admin = { identifier: 'superadmin', password: 'made-up-superadmin' };

// Four rounds in place of twelve: the tests sign in by the hundred, and these passwords protect nobody.
const quickPasswords = {
    hash: plaintext => bcrypt.hash(plaintext, 4),
    check: (plaintext, hash) => bcrypt.compare(plaintext, hash),
};

/**
 * config builds the configuration.
 *   dir    the folder of this one shop: its database and its mail
 *   assets the folder of product pictures, which shops may share
 *   port   on the loopback interface
 *   pollInterval  how often the job queue looks for the next job, in milliseconds; one job each time
 */
function config({ dir, assets, port, plugins, synchronize, pollInterval = 200 }) {
    return {
        apiOptions: { hostname: '127.0.0.1', port, adminApiPath: 'admin-api', shopApiPath: 'shop-api', trustProxy: true },
        authOptions: {
            tokenMethod: ['bearer', 'cookie'],
            superadminCredentials: admin,
            cookieOptions: { secret: 'made-up-cookie-secret' },
            passwordHashingStrategy: quickPasswords,
        },
        logger: new DefaultLogger({ level: LogLevel.Warn, timestamp: false }),
        dbConnectionOptions: {
            type: 'better-sqlite3',
            database: path.join(dir, 'vendure.sqlite'),
            synchronize,
            // A test's database is thrown away: it need not survive a power cut.
            prepareDatabase: db => db.pragma('synchronous = OFF'),
        },
        paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
        importExportOptions: { importAssetsDir: path.join(packages('@vendure/create'), 'assets/images') },
        plugins: [
            AssetServerPlugin.init({ route: 'assets', assetUploadDir: assets }),
            DefaultJobQueuePlugin.init({ pollInterval }),
            DefaultSearchPlugin.init({ bufferUpdates: false, indexStockStatus: true }),
            EmailPlugin.init({
                devMode: true,
                outputPath: path.join(dir, 'mail'),
                route: 'mailbox',
                handlers: defaultEmailHandlers,
                templateLoader: new FileBasedTemplateLoader(path.join(packages('@vendure/email-plugin'), 'templates')),
                globalTemplateVars: {
                    fromAddress: '"Made-up shop" <noreply@shop.example>',
                    verifyEmailAddressUrl: 'http://shop.example/verify',
                    passwordResetUrl: 'http://shop.example/password-reset',
                    changeEmailAddressUrl: 'http://shop.example/verify-email-address-change',
                },
            }),
            ...plugins,
        ],
    };
}

module.exports = { config, admin, packages };
