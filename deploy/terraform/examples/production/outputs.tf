output "dataops" {
  description = "What was made."
  value       = module.dataops
}

output "security_group_id" {
  description = "What the database's security group has to let in."
  value       = aws_security_group.tasks.id
}
