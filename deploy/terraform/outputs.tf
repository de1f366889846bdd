output "storage_url" {
  description = "For the configuration's `storage`."
  value       = "s3://${aws_s3_bucket.backups.bucket}${var.prefix == "" ? "" : "/${var.prefix}"}"
}

output "bucket_arn" {
  description = "The bucket."
  value       = aws_s3_bucket.backups.arn
}

output "storage_policy_arns" {
  description = "The policies of `reader`, `writer` and `pruner`, for roles of your own."
  value       = { for role, policy in aws_iam_policy.storage : role => policy.arn }
}

output "reader_role_arn" {
  description = "The role of who fetches backups; null without `reader_principals`."
  value       = one(aws_iam_role.reader[*].arn)
}

output "task_role_arns" {
  description = "The roles of the tasks that make backups (`writer`), and that delete them (`pruner`)."
  value       = { for role, made in aws_iam_role.task : role => made.arn }
}

output "execution_role_arn" {
  description = "The role that starts the tasks."
  value       = aws_iam_role.execution.arn
}

output "cluster_name" {
  description = "The cluster that the tasks run in."
  value       = aws_ecs_cluster.tasks.name
}

output "task_definition_arns" {
  description = "The task definitions, by the schedule's name; `daemon` for the daemon's."
  value       = { for name, task in aws_ecs_task_definition.task : name => task.arn }
}

output "log_group_name" {
  description = "Where the tasks' log is."
  value       = aws_cloudwatch_log_group.tasks.name
}
