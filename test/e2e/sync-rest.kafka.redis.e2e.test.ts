import { describeRestSync } from './sync-rest.ts'

describeRestSync('kafka')
