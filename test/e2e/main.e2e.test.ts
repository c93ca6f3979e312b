import { describeMainFlow } from './main-flow.ts'

describeMainFlow('embedded', 4)
