import { describeRestSync } from './sync-rest.ts'

describeRestSync('embedded')
