import { describeRedis } from './redis-conformance.ts'

describeRedis('Redis Cluster', true)
