export { loadConfig } from './config/load-config.ts';
export type { LoadConfigOptions } from './config/load-config.ts';
export { environmentVariables } from './config/environment-variables.ts';
export type { EnvironmentVariable } from './config/environment-variables.ts';
export { describeValidationError } from './config/validation-errors.ts';
export { watchClientTls } from './files/client-tls.ts';
export type { ClientTls } from './files/client-tls.ts';
export type { FileContent } from './files/file-content.ts';
export { certificatesOf } from './files/pem-file.ts';
export type { PemFile } from './files/pem-file.ts';
export { revocationsOf } from './files/revocation-files.ts';
export { readSettingFile, readSettingLine } from './files/setting-file.ts';
export { checkTlsFiles } from './files/tls-files.ts';
export type { TlsFiles } from './files/tls-files.ts';
export { WatchedFiles } from './files/watched-files.ts';
export type { WatchedFile, WatchedFileOptions, WatchedFilesOptions } from './files/watched-files.ts';
export { changeHeader, crossSiteRefusal } from './http/cross-site.ts';
export type { CrossSiteRefusal, CrossSiteRules, GuardedRequest } from './http/cross-site.ts';
export { createHttpServer } from './http/http-server.ts';
export { HttpBodyError } from './http/http-types.ts';
export type {
  CheckResult,
  HttpExchange,
  HttpRequest,
  HttpResponse,
  HttpServer,
  HttpServerOptions,
  HttpTls,
  HttpUpgrade,
} from './http/http-types.ts';
export { KnownHosts } from './http/known-hosts.ts';
export { StaticFiles } from './http/static-files.ts';
export { measureEventLoopDelay } from './metrics/event-loop-delay.ts';
export { createMetrics } from './metrics/metrics-registry.ts';
export type { MetricsOptions, MetricsRegistry } from './metrics/metrics-registry.ts';
export {
  recordBuildInfo,
  recordCertificateExpiry,
  recordRevocationListExpiry,
} from './metrics/process-metrics.ts';
export { exitWithError } from './process/exit.ts';
export { createLogger, logLevels } from './process/logger.ts';
export type { LoggerOptions } from './process/logger.ts';
export { createNotifier } from './process/notifier.ts';
export type { NotifierOptions } from './process/notifier.ts';
