"""What tests share: worlds, plain reference calculations, planted faults, a sign-in provider."""
