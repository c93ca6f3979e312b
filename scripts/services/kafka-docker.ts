import { runContainer } from './docker.ts'
import type { KafkaService } from './kafka.ts'
import { KAFKA_VERSION } from './kafka-maven.ts'
import { freePorts } from './ports.ts'

/** The official image; its defaults are one KRaft node. */
export async function startKafkaInDocker(): Promise<KafkaService> {
  const [port] = (await freePorts(1)) as [number]
  const container = await runContainer(`apache/kafka:${KAFKA_VERSION}`, port, 9092, [
    'KAFKA_NODE_ID=1',
    'KAFKA_PROCESS_ROLES=broker,controller',
    'KAFKA_CONTROLLER_QUORUM_VOTERS=1@localhost:9093',
    'KAFKA_LISTENERS=PLAINTEXT://:9092,CONTROLLER://:9093',
    `KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://127.0.0.1:${port}`,
    'KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER',
    'KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1',
    'KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR=1',
    'KAFKA_TRANSACTION_STATE_LOG_MIN_ISR=1',
    'KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0',
    'KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS=1000',
    'KAFKA_AUTO_CREATE_TOPICS_ENABLE=false',
  ])
  return {
    brokers: [`127.0.0.1:${port}`],
    kind: 'docker',
    found: `apache/kafka:${KAFKA_VERSION} in Docker, on port ${port}`,
    restart: options => container.restart(options?.hard ?? false),
    stop: container.stop,
  }
}
