import { describePostgresSync } from './sync-postgres.ts'

describePostgresSync('kafka')
