import { describeWorkspaceSync } from './sync-workspaces.ts'

describeWorkspaceSync('kafka')
